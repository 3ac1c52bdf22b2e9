(function(){
"use strict";
var lost=document.getElementById("lost"),button=document.getElementById("check"),said=document.getElementById("said");
function fresh(){
  fetch("/",{cache:"no-store"}).then(function(answer){
    if(!answer.ok){throw new Error(String(answer.status));}
    return answer.text();
  }).then(function(text){
    var page=new DOMParser().parseFromString(text,"text/html"),now=page.getElementById("now"),old=document.getElementById("now");
    if(old.innerHTML!==now.innerHTML||old.className!==now.className){old.replaceWith(now);}
    document.title=page.title;
    document.getElementById("icon").href=page.getElementById("icon").href;
    lost.hidden=true;
  }).catch(function(){lost.hidden=false;document.getElementById("now").className="stale";});
}
setInterval(fresh,5000);
if(button){
  button.hidden=false;
  button.addEventListener("click",function(){
    button.disabled=true;
    fetch("/api/v1/check",{method:"POST",headers:{"X-Requested-With":"page"}}).then(function(answer){
      return answer.text();
    }).then(function(text){said.textContent=text;}).catch(function(){said.textContent="The box did not answer.";})
    .finally(function(){button.disabled=false;});
  });
}
})();
