// variants of the hit path; each variant a class from unique source
const ENTRIES=4096, PAGES=256, BASE=0x7ffff0000000;
function mk(body, fields='') {
  const src = `
  class Tlb { constructor(bytes, words){ this.readTags=new Float64Array(4097); this.writeTags=new Float64Array(4097); this.frameWords=new Int32Array(4096); this.generation=1; this.bytes=bytes; this.words=words; } }
  class T { constructor(bytes,words){ this.name='x'; this.tlb=new Tlb(bytes,words); const t=this.tlb; this.readTags=t.readTags; this.writeTags=t.writeTags; this.frameWords=t.frameWords; this.words=t.words; this.generation=1; this.genArr=new Float64Array([1]); this.offs=new Int32Array(4096); }
   slow(a){ throw new Error('miss '+a.toString(16)); }
   fill(i, page, pfn){ this.tlb.readTags[i]=page+1; this.tlb.writeTags[i]=page+1; this.tlb.frameWords[i]=pfn*1024; this.offs[i]=pfn*1024-((page|0)>>>2); this.tlb.readTags[4096]=1; this.tlb.writeTags[4096]=1; }
   ${body} }
  const words=new Int32Array(2**21); const t=new T(new Uint8Array(words.buffer),words);
  for(let p=0;p<${PAGES};p++){ const page=${BASE}+p*4096; t.fill(((page|0)>>>12)&4095,page,p+2);} for(let i=0;i<words.length;i++)words[i]=Math.imul(i,2654435761);
  return { load(mask,count,seed){ let x=seed,sum=0; for(let i=0;i<count;i++){ x^=x<<13;x^=x>>>17;x^=x<<5; sum=(sum+t.load32Sync(${BASE}+(x&mask)))|0; } return sum; },
   store(mask,count,seed){ let x=seed; for(let i=0;i<count;i++){ x^=x<<13;x^=x>>>17;x^=x<<5; t.store32Sync(${BASE}+(x&mask),x); } return x; },
   seq(mask,count,seed){ let sum=0; for(let i=0;i<count;i++){ sum=(sum+t.load32Sync(${BASE}+((seed+i*4)&mask)))|0; } return sum; } };
  //# ${Math.random()}
  `;
  return new Function(src)();
}
const V={
 current: mk(`load32Sync(addr){ const {tlb}=this; const low=addr|0; const i=(low>>>12)&4095; if(tlb.readTags[i]===addr-(low&4095)+tlb.generation&&(low&3)===0) return tlb.words[tlb.frameWords[i]+((low&4095)>>>2)]>>>0; return this.slow(addr);}
  store32Sync(addr,v){ const {tlb}=this; const low=addr|0; const i=(low>>>12)&4095; if(tlb.writeTags[i]===addr-(low&4095)+tlb.generation&&(low&3)===0) tlb.words[tlb.frameWords[i]+((low&4095)>>>2)]=v; else this.slow(addr);}`),
 fold: mk(`load32Sync(addr){ const {tlb}=this; const low=addr|0; const i=(low>>>12)&4095; if(tlb.readTags[i]===addr-(low&4092)+tlb.generation) return tlb.words[tlb.frameWords[i]+((low&4092)>>>2)]>>>0; return this.slow(addr);}
  store32Sync(addr,v){ const {tlb}=this; const low=addr|0; const i=(low>>>12)&4095; if(tlb.writeTags[i]===addr-(low&4092)+tlb.generation) tlb.words[tlb.frameWords[i]+((low&4092)>>>2)]=v; else this.slow(addr);}`),
 foldint: mk(`load32Sync(addr){ const {tlb}=this; const low=addr|0; const i=(low>>>12)&4095; if(tlb.readTags[i]===addr-((low&4092)-tlb.generation)) return tlb.words[tlb.frameWords[i]+((low&4092)>>>2)]>>>0; return this.slow(addr);}
  store32Sync(addr,v){ const {tlb}=this; const low=addr|0; const i=(low>>>12)&4095; if(tlb.writeTags[i]===addr-((low&4092)-tlb.generation)) tlb.words[tlb.frameWords[i]+((low&4092)>>>2)]=v; else this.slow(addr);}`),
 direct: mk(`load32Sync(addr){ const low=addr|0; const i=(low>>>12)&4095; if(this.readTags[i]===addr-((low&4092)-this.generation)) return this.words[this.frameWords[i]+((low&4092)>>>2)]>>>0; return this.slow(addr);}
  store32Sync(addr,v){ const low=addr|0; const i=(low>>>12)&4095; if(this.writeTags[i]===addr-((low&4092)-this.generation)) this.words[this.frameWords[i]+((low&4092)>>>2)]=v; else this.slow(addr);}`),
 offs: mk(`load32Sync(addr){ const {tlb}=this; const low=addr|0; const i=(low>>>12)&4095; if(tlb.readTags[i]===addr-((low&4092)-tlb.generation)) return tlb.words[(this.offs[i]+(low>>>2))|0]>>>0; return this.slow(addr);}
  store32Sync(addr,v){ const {tlb}=this; const low=addr|0; const i=(low>>>12)&4095; if(tlb.writeTags[i]===addr-((low&4092)-tlb.generation)) tlb.words[(this.offs[i]+(low>>>2))|0]=v; else this.slow(addr);}`),
 gentag: mk(`load32Sync(addr){ const {tlb}=this; const low=addr|0; const i=(low>>>12)&4095; const tags=tlb.readTags; if(tags[i]===addr-(low&4092)+tags[4096]) return tlb.words[tlb.frameWords[i]+((low&4092)>>>2)]>>>0; return this.slow(addr);}
  store32Sync(addr,v){ const {tlb}=this; const low=addr|0; const i=(low>>>12)&4095; const tags=tlb.writeTags; if(tags[i]===addr-(low&4092)+tags[4096]) tlb.words[tlb.frameWords[i]+((low&4092)>>>2)]=v; else this.slow(addr);}`),
 nogen: mk(`load32Sync(addr){ const {tlb}=this; const low=addr|0; const i=(low>>>12)&4095; if(tlb.readTags[i]===addr-(low&4092)+1) return tlb.words[tlb.frameWords[i]+((low&4092)>>>2)]>>>0; return this.slow(addr);}
  store32Sync(addr,v){ const {tlb}=this; const low=addr|0; const i=(low>>>12)&4095; if(tlb.writeTags[i]===addr-(low&4092)+1) tlb.words[tlb.frameWords[i]+((low&4092)>>>2)]=v; else this.slow(addr);}`),
};
const raw=(()=>{const words=new Int32Array(2**18);return {load(mask,count,seed){let x=seed,sum=0;for(let i=0;i<count;i++){x^=x<<13;x^=x>>>17;x^=x<<5;sum=(sum+words[(x&mask)>>>2])|0;}return sum;},store(mask,count,seed){let x=seed;for(let i=0;i<count;i++){x^=x<<13;x^=x>>>17;x^=x<<5;words[(x&mask)>>>2]=x;}return x;},seq(mask,count,seed){let sum=0;for(let i=0;i<count;i++)sum=(sum+words[((seed+i*4)&mask)>>>2])|0;return sum;}};})();
V.raw=raw;
const N=2**21, mask=2**20-4; const res={};
for(let r=0;r<14;r++) for(const [n,v] of Object.entries(V)) for(const op of ['load','store','seq']){ if(!v[op])continue; const t=performance.now(); v[op](mask,N,r+1); const d=(performance.now()-t)*1e6/N; if(r>3)((res[n]??={})[op]??=[]).push(d); }
import {spawnSync} from 'child_process';
const o=spawnSync('/tmp/bc/walker',{input:Array(8).fill('load random 1048576 8388608 1\nstore random 1048576 8388608 1\nload sequential 1048576 8388608 0\n').join('')}).stdout.toString().split('\n').slice(1,-1).map(l=>+l.split(' ')[0]/8388608);
const C={load:[],store:[],seq:[]}; o.forEach((x,i)=>C[['load','store','seq'][i%3]].push(x)); res.C=C;
for(const [n,o] of Object.entries(res)) console.log(n.padEnd(10),Object.entries(o).map(([k,a])=>{a.sort((x,y)=>x-y);return k+' min '+a[0].toFixed(2)+' med '+a[a.length>>1].toFixed(2)}).join('   '));
